# frozen_string_literal: true

require "fileutils"
require "rbconfig"
require "tmpdir"

module Support
  # `exe/hyperion` (or another command) as a real process in a folder of its own. What it writes goes to files, so that
  # a test that reads nothing never stops it.
  class HyperionProcess
    ROOT = File.expand_path("../..", __dir__)
    HELLO = <<~'RUBY'
      run ->(env) { [200, {"content-type" => "text/plain"}, ["hello from #{env["PATH_INFO"]}"]] }
    RUBY
    # Without these variables of the test's own process: they would be the server's.
    NEUTRAL = Hyperion::Config::Options::TABLE.flat_map(&:further_variables).to_h { |name| [name, nil] }.freeze

    class << self
      # @return [Array<HyperionProcess>] those that nobody has cleaned yet
      def running
        @running ||= []
      end
    end

    # @return [Integer]
    attr_reader :pid
    # @return [String] its working directory, removed by `clean`
    attr_reader :folder

    # @param arguments [Array<String>] of the command
    # @param app [String, nil] text of config.ru; nil: there is none
    # @param files [Hash{String => String}] further files by path
    # @param env [Hash{String => String}]
    # @param command [Array<String>] what to run instead of exe/hyperion; Rack::Lint is its own affair, as rackup's
    # @param bundler [Boolean] with all gems of the Gemfile; without, it starts faster and has only Rack
    # @param options [Hash] for Process.spawn
    def initialize(arguments, app: HELLO, files: {}, env: {}, command: nil, bundler: false, options: {})
      @folder = Dir.mktmpdir("hyperion")
      {"config.ru" => app && (command ? app : Lint.wrap_rackup(app)), **files}.each do |path, text|
        write(path, text) if text
      end
      command ||= [*ruby(bundler), File.join(ROOT, "exe/hyperion")]
      variables = {**NEUTRAL, **(bundler ? {} : {"RUBYOPT" => nil, "RUBYLIB" => nil}), **env}
      @pid = Process.spawn(variables, *command, *arguments,
                           chdir: @folder, in: File::NULL, out: path(".stdout"), err: path(".stderr"), **options)
      self.class.running << self
    end

    # @return [String] an absolute path in its folder
    def path(name)
      File.join(@folder, name)
    end

    def write(name, text)
      FileUtils.mkdir_p(File.dirname(path(name)))
      File.write(path(name), text)
    end

    # @return [String] what it has written so far
    def stdout
      File.read(path(".stdout"))
    end

    def stderr
      File.read(path(".stderr"))
    end

    # @return [Array<String>] where it listens for the application, as the banner says; empty until then
    def urls
      banner = stdout[/Hyperion \d\S* \(.*?process.*?$/im].to_s.sub(/(, a|^\* A)dmin paths at \S+/, "")
      banner.scan(%r{(?:Listening on |(?<=\S) )((?:http|unix)://[^\s"]+)}).flatten
    end

    # @return [Integer] the port of the first TCP address
    def port
      urls.filter_map { |url| url[/:(\d+)\z/, 1] }.first.to_i
    end

    def signal(name)
      Process.kill(name, @pid)
      self
    end

    # @return [Process::Status, nil] nil while it lives
    def status
      @status ||= Process.wait2(@pid, Process::WNOHANG)&.last
    end

    # @return [Array<String>] for a report: how it ended, if it has, and the last lines that it wrote
    def account
      # One that was given another place to write to has no file of its own.
      files = %w[.stdout .stderr].map { |name| path(name) }.select { |file| File.exist?(file) }
      lines = files.flat_map { |file| File.read(file).scrub.lines(chomp: true).last(40) }
      ["", "process #{@pid} (#{status || "alive"}) wrote at last:", *lines.map { |line| "  #{line[0, 500]}" }]
    end

    # Ends it, whatever it does, and removes its folder.
    def clean
      unless status
        Process.kill("KILL", @pid)
        @status = Process.wait2(@pid).last
      end
      FileUtils.remove_entry(@folder)
      self.class.running.delete(self)
    end

    private

    def ruby(bundler)
      paths = ["#{ROOT}/lib"]
      paths.concat(Gem.loaded_specs.fetch("rack").full_require_paths) unless bundler
      [RbConfig.ruby, *paths.flat_map { |path| ["-I", path] }]
    end
  end

  # For examples: processes that are gone when the example ends.
  module Processes
    def self.included(group)
      group.after do |example|
        processes = @processes || []
        example.metadata[:extra_failure_lines] = processes.flat_map(&:account) if example.exception
        processes.each(&:clean)
      end
    end

    # Starts one; does not wait for anything.
    # @return [HyperionProcess]
    def spawn_hyperion(*arguments, **options)
      HyperionProcess.new(arguments, **options).tap { |process| (@processes ||= []) << process }
    end

    # Starts one and waits until it listens.
    # @return [HyperionProcess]
    def start_hyperion(*arguments, **options)
      wait_for_banner(spawn_hyperion(*arguments, **options))
    end

    def wait_for_banner(process)
      wait_until("the banner") { !process.urls.empty? || process.status }
      return process unless process.status

      raise "hyperion ended (#{process.status}): #{process.stdout}#{process.stderr}"
    end

    # Waits until somebody listens there: the file of a socket is there a moment earlier.
    # @param path [String]
    def wait_for_socket(path, patience: Waiting::PATIENCE)
      wait_until("the socket", patience: patience) do
        UNIXSocket.new(path).close
        true
      rescue Errno::ENOENT, Errno::ECONNREFUSED
        false
      end
    end

    # Waits for its end.
    # @return [Integer, nil] exit status
    def exit_status(process, patience: Waiting::PATIENCE)
      wait_until("the end of the process", patience: patience) { process.status }.exitstatus
    end

    # Runs one to its end.
    # @return [HyperionProcess]
    def run_hyperion(*arguments, **options)
      spawn_hyperion(*arguments, **options).tap { |process| exit_status(process) }
    end
  end
end

RSpec.configure { |config| config.include Support::Processes }
