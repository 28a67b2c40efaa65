# frozen_string_literal: true

require_relative "puma_absent"
require_relative "words"

module Hyperion
  module Config
    # What the code of a config/puma.rb sees as `self`: every word of this server's own configuration file, and every
    # word of Puma's, of versions 5 to 8.
    class PumaWords < Words
      # Guides for Puma before 3 name it.
      DefaultRackup = "config.ru" # rubocop:disable Naming/ConstantName

      # {word => this server's option}
      RENAMED = {first_data_timeout: :header_timeout, persistent_timeout: :idle_keepalive,
                 http_content_length_limit: :max_body_bytes, worker_shutdown_timeout: :graceful_timeout}.freeze

      # {word => Puma's name of the moment}; in one process each comes once.
      HOOKS = {
        before_fork: :before_fork, before_restart: :before_restart, on_restart: :before_restart,
        before_worker_fork: :before_worker_fork, on_worker_fork: :before_worker_fork,
        after_worker_fork: :after_worker_fork, after_worker_boot: :after_worker_fork,
        before_worker_boot: :before_worker_boot, on_worker_boot: :before_worker_boot,
        before_worker_shutdown: :before_worker_shutdown, on_worker_shutdown: :before_worker_shutdown,
        after_worker_shutdown: :after_worker_shutdown,
        before_thread_start: :before_thread_start, on_thread_start: :before_thread_start,
        before_thread_exit: :before_thread_exit, on_thread_exit: :before_thread_exit,
        after_booted: :after_booted, on_booted: :after_booted, after_stopped: :after_stopped, on_stopped: :after_stopped
      }.freeze

      # {word => Puma's name of the option, where Server or Launcher finds it}
      KEPT = {fiber_per_request: :fiber_per_request, clean_thread_locals: :fiber_per_request,
              enable_keep_alives: :enable_keep_alives, rack_url_scheme: :rack_url_scheme,
              restart_command: :restart_cmd, state_permission: :state_permission,
              set_default_host: :default_host}.freeze

      RENAMED.each do |word, option|
        define_method(word) { |value| @hyperion_script.set(word, Options[option], [value]) }
      end
      HOOKS.each do |word, key|
        define_method(word) { |id = nil, &code| @hyperion_script.hook(word, key, id, code) }
      end
      KEPT.each { |word, key| define_method(word) { |value = true| @hyperion_script.puma.options[key] = value } }
      PumaAbsent::WORDS.each do |word, why|
        define_method(word) { |*_values, **_more, &_code| @hyperion_script.absent(word, why) }
      end
      PumaAbsent::HOOKS.each do |word, why|
        define_method(word) { |*_values, &_code| @hyperion_script.absent(word, why) }
      end

      # Words of plugins.
      def respond_to_missing?(word, *)
        @hyperion_script.puma.word?(word)
      end
      private :respond_to_missing?

      # @!group Where to listen

      def bind(*urls)
        urls.flatten.each { |url| @hyperion_script.bind(:bind, url) }
      end

      # A second one is an address more, as is one with a host.
      def port(port, host = nil)
        @hyperion_script.port(port, host)
      end

      def ssl_bind(host, port, *)
        @hyperion_script.bind(:ssl_bind, "ssl://#{host}:#{port}")
      end

      def clear_binds!
        @hyperion_script.clear_binds
      end

      def default_host
        @hyperion_script.puma.options[:default_host]
      end

      # @!group What is served, and how

      def threads(least, most = least)
        @hyperion_script.say(:threads, [[least, most].map { |number| Integer(number) }])
      end

      # Puma's number of worker processes is 0 for a single process.
      def workers(count)
        return if count.nil? || count == ""

        @hyperion_script.say(:workers, [count.to_s == "auto" ? "auto" : count.to_i])
      end

      def app(object = nil, &block)
        @hyperion_script.callable(:app, object || block)
      end

      def lowlevel_error_handler(object = nil, &block)
        @hyperion_script.callable(:lowlevel_error_handler, object || block)
      end

      def quiet(which = true) # rubocop:disable Style/OptionalBooleanParameter
        @hyperion_script.say(:log_requests, [!which])
      end

      def queue_requests(answer = true) # rubocop:disable Style/OptionalBooleanParameter
        return if answer

        @hyperion_script.absent(:queue_requests, "a request is always read before a thread of the application has it")
      end

      def force_shutdown_after(value = :forever)
        @hyperion_script.force_shutdown_after(value)
      end

      def set_remote_address(value = :socket)
        @hyperion_script.remote_address(value)
      end

      def supported_http_methods(methods)
        @hyperion_script.methods_allowed(methods)
      end

      # @!group The process

      def stdout_redirect(stdout = nil, stderr = nil, append = false) # rubocop:disable Style/OptionalBooleanParameter
        @hyperion_script.redirect(stdout, stderr, append)
      end

      # @!group The file itself

      def get(key, default = nil)
        @hyperion_script.get(key.to_sym, default)
      end

      def load(file)
        @hyperion_script.later(file)
      end

      def inject(&block)
        instance_eval(&block)
      end

      def single(&block)
        @hyperion_script.mode(:single, block)
      end

      def cluster(&block)
        @hyperion_script.mode(:cluster, block)
      end
    end
  end
end
