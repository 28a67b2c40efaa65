# frozen_string_literal: true

require_relative "hyperion_process"
require_relative "waiting"

module Support
  # An application of spec/integration/apps, copied into a folder of its own and served by a process whose gems are
  # those of a bundle in gemfiles/, not the suite's. `rake spec:apps` installs the bundles.
  class AppProcess < HyperionProcess
    include Waiting

    APPS = File.join(ROOT, "spec/integration/apps")
    SERVER = [File.join(ROOT, "exe/hyperion"), "-p", "0"].freeze
    # Runs a program of the bundle's gems: gem, program, its arguments.
    GEM_PROGRAM = "load Gem.bin_path(*ARGV.shift(2))"

    # @return [Array<String>] the command that runs a gem's program in the process's own bundle
    def self.program(gem, name = gem)
      ["-e", GEM_PROGRAM, "--", gem, name]
    end

    # @param name [String] of the application; the arguments are those of `command`
    # @param command [Array<String>] what Ruby runs, exe/hyperion unless given
    # @param bundle [String] one of gemfiles/
    # @param files [Hash{String => String}] further ones, or other ones than the application's
    def initialize(name, *arguments, command: SERVER, bundle: "apps", files: {}, env: {})
      @bundle = bundle
      super(arguments, command: [RbConfig.ruby, "-rbundler/setup", *command],
                       files: {**files_of(name), **files},
                       env: {**environment(bundle), **env}, options: {unsetenv_others: true})
    end

    # Waits until it listens.
    # @param patience [Numeric] booting a framework takes its time
    # @return [self]
    def ready(patience: 4 * Waiting::PATIENCE)
      wait_until("the banner", patience: patience) { !urls.empty? || status }
      return self unless status

      raise "it ended (#{status}); the bundle #{@bundle} is installed by `rake spec:apps`: #{output}"
    end

    # @return [String] what it has written, for messages
    def output
      stdout + stderr
    end

    private

    def files_of(name)
      Dir.glob("**/*", base: File.join(APPS, name)).map { |path| [path, File.join(APPS, name, path)] }
         .select { |_, path| File.file?(path) }.to_h.transform_values { |path| File.read(path) }
    end

    # That of before the suite's own Bundler, with another bundle.
    def environment(bundle)
      folder = Bundler.settings[:path]
      bundler = {"BUNDLE_GEMFILE" => File.join(ROOT, "gemfiles/#{bundle}.gemfile"),
                 "BUNDLE_SILENCE_ROOT_WARNING" => "1"}
      bundler["BUNDLE_PATH"] = File.expand_path(folder, ROOT) if folder
      Bundler.unbundled_env.except(*NEUTRAL.keys).merge(bundler)
    end
  end
end
