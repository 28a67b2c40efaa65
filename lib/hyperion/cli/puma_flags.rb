# frozen_string_literal: true

require_relative "../config/options"
require_relative "../config/puma_absent"

module Hyperion
  class CLI
    # Flags of the command `puma` that are none of the option table: what they set here, or why they set nothing.
    module PumaFlags
      # {flag without a value => [option, value]}
      SWITCHES = {"-q" => [:log_requests, false], "--quiet" => [:log_requests, false],
                  "--no-config" => [:config, "-"]}.freeze
      # {flag with a value => option}
      RENAMED = {"--dir" => :directory, "--state" => :state_path, "--persistent-timeout" => :idle_keepalive,
                 "--first-data-timeout" => :header_timeout}.freeze
      INCLUDE = %w[-I --include].freeze

      FILE = "the configuration file has it"
      CONTROL = "there is no control app; signals stop and restart, " \
                "and POST /-/quit stops where there is --admin-token-file"
      FOREGROUND = "the server stays in the foreground, for a process manager such as systemd"
      TLS = Config::Absent::TLS
      private_constant :FILE, :CONTROL, :FOREGROUND, :TLS

      # {flag => what to do instead}; one that is a word of the file without effect says what that says.
      INSTEAD = {
        "--control-url" => CONTROL, "--control-token" => CONTROL, "--control" => CONTROL,
        "-f" => Config::PumaAbsent::WORKERS,
        "-F" => "that is a flag of pumactl; -C FILE names the configuration file",
        "-d" => FOREGROUND, "--daemon" => FOREGROUND,
        "--debug" => "--log-level debug shows more",
        "--bind-to-activated-sockets" => "a socket that systemd opened is named: -b fd://3",
        "--plugin" => "#{FILE}: plugin :tmp_restart",
        "-R" => "#{FILE}: restart_command \"...\"", "--restart-cmd" => "#{FILE}: restart_command \"...\"",
        "-s" => "--log-level warn leaves the log's information out, and standard output has the banner",
        "--silent" => "--log-level warn leaves the log's information out, and standard output has the banner"
      }.freeze

      module_function

      # @param flag [String]
      # @return [String, nil] why it has no effect
      def instead(flag)
        return INSTEAD[flag] if INSTEAD.key?(flag)
        return TLS if flag.start_with?("--ssl")

        word = flag.delete_prefix("--").delete_prefix("no-").tr("-", "_").to_sym
        Config::Absent::WORDS[word] || Config::PumaAbsent::WORDS[word]
      end
    end
  end
end
