# frozen_string_literal: true

require "fileutils"
require "rbconfig"

module Bench
  # The servers and how each is started: one process, the row's threads, production, no access log.
  module Rivals
    ROOT = File.expand_path("../..", __dir__)

    # @!attribute command [#call] (row, port, folder) -> the words of its command
    Rival = Struct.new(:name, :version, :start, :serves, keyword_init: true) do
      def command(row, port, folder)
        start.call(row, port.to_s, folder)
      end

      def environment
        {"RACK_ENV" => "production", "RAILS_ENV" => "production", "CONSOLE_LEVEL" => "error", "ITSI_LOG" => "off",
         "PORT" => nil, "WEB_CONCURRENCY" => nil, "RAILS_MAX_THREADS" => nil}
      end

      # Whether the row is its kind of work at all.
      def serves?(row)
        serves.nil? ? !row.routes : serves.call(row)
      end
    end

    def self.rackup(row)
      File.join(ROOT, "bench/rackups/#{row.app}.ru")
    end

    # The words that run a gem's program.
    def self.program(gem, name = gem)
      [RbConfig.ruby, Gem.bin_path(gem, name)]
    end

    def self.gem_version(name)
      Gem.loaded_specs.fetch(name).version.to_s
    end

    # Least threads, most threads.
    def self.range(row)
      least, most = row.threads.split(":")
      [least, most || least]
    end

    all = ->(_row) { true }
    fixed = ->(row) { !row.threads.include?(":") && !row.routes }

    ours = lambda do |name, *flags|
      Rival.new(name: name, version: gem_version("hyperion-rb"), serves: all, start: lambda do |row, port, _|
        [RbConfig.ruby, "-I", File.join(ROOT, "lib"), File.join(ROOT, "exe/hyperion"), "-C", "-", "-b", "127.0.0.1",
         "-p", port, "-t", range(row).join(":"), "--no-log-requests", *flags, rackup(row)]
      end)
    end

    BUILDERS = {
      "hyperion" => -> { ours.call("hyperion") },
      "hyperion-epoll" => -> { ours.call("hyperion-epoll", "--loop", "epoll") },
      "hyperion-io_uring" => -> { ours.call("hyperion-io_uring", "--loop", "io_uring") },
      "puma" => lambda do
        Rival.new(name: "puma", version: gem_version("puma"), start: lambda do |row, port, _|
          [*program("puma"), "-C", "-", "-b", "tcp://127.0.0.1:#{port}", "-t", range(row).join(":"), "-w", "0", "-q",
           rackup(row)]
        end)
      end,
      # A fiber for each request; there is no number of threads to set.
      "falcon" => lambda do
        Rival.new(name: "falcon", version: gem_version("falcon"), start: lambda do |row, port, _|
          [*program("falcon"), "serve", "-b", "http://127.0.0.1:#{port}", "-c", rackup(row), "--forked", "-n", "1"]
        end)
      end,
      "agoo" => lambda do
        Rival.new(name: "agoo", version: gem_version("agoo"), serves: fixed, start: lambda do |row, port, _|
          [RbConfig.ruby, File.join(__dir__, "agoo.rb"), rackup(row), port, row.threads]
        end)
      end,
      "iodine" => lambda do
        Rival.new(name: "iodine", version: gem_version("iodine"), serves: fixed, start: lambda do |row, port, _|
          [*program("iodine"), "-b", "127.0.0.1", "-p", port, "-t", row.threads, "-w", "1", "-V", "1", rackup(row)]
        end)
      end,
      "itsi" => lambda do
        Rival.new(name: "itsi", version: gem_version("itsi"), serves: fixed, start: lambda do |row, port, folder|
          settings = File.join(folder, "Itsi.rb")
          File.write(settings, "workers 1\nthreads #{row.threads}\nbind \"http://127.0.0.1:#{port}\"\n" \
                               "rackup_file #{rackup(row).inspect}\nlog_level :error\n")
          [*program("itsi-server", "itsi"), "serve", "-C", settings]
        end)
      end,
      "nginx" => lambda do
        Rival.new(name: "nginx", version: `nginx -v 2>&1`[%r{nginx/(\S+)}, 1], start: Nginx.method(:command),
                  serves: ->(row) { %w[hello static files].include?(row.app) })
      end
    }.freeze

    # What is compared unless --servers says otherwise.
    COMPARED = (BUILDERS.keys - %w[hyperion-epoll hyperion-io_uring]).freeze

    # The ceiling: no application, `return 200`, or its own static file.
    module Nginx
      def self.command(_row, port, folder)
        settings = File.join(folder, "nginx.conf")
        File.write(settings, <<~NGINX)
          daemon off; master_process off; pid #{folder}/nginx.pid; error_log /dev/null;
          events { worker_connections 4096; }
          http {
            access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on;
            default_type text/plain; client_body_temp_path #{folder}/nginx; proxy_temp_path #{folder}/nginx;
            fastcgi_temp_path #{folder}/nginx; uwsgi_temp_path #{folder}/nginx; scgi_temp_path #{folder}/nginx;
            open_file_cache max=100;
            server {
              listen 127.0.0.1:#{port}; root #{ENV.fetch("BENCH_FILES")};
              location = / { return 200 "hello"; }
            }
          }
        NGINX
        ["nginx", "-p", folder, "-c", settings, "-e", "/dev/null"]
      end
    end

    # @return [Rival]
    def self.named(name)
      BUILDERS.fetch(name).call
    end
  end
end
