# frozen_string_literal: true

require "uri"
require_relative "puma_words"
require_relative "script"

module Hyperion
  module Config
    # config/puma.rb, as Puma's users have it: an everyday word has its effect, one that means nothing here is a warning
    # that says why, and so is one that does not exist.
    class PumaScript < Script
      # force_shutdown_after :immediately
      AT_ONCE = 0.001

      # @return [Boolean] whether a file of that name, or with those words in it, is meant for Puma
      def self.for?(path)
        folder, name = File.split(path)
        return true if name.include?("puma") || File.basename(folder) == "puma"
        return false if name == "hyperion.rb"

        own = Words.words
        foreign = PumaWords.words.reject { |word| own.include?(word) }
        File.foreach(path).any? { |line| foreign.include?(line[/\A\s*([a-z_]+!?)(?=\(|\s*\z|\s+[^\s=])/, 1]&.to_sym) }
      rescue SystemCallError, ArgumentError
        false # whoever reads it says what is wrong
      end

      def initialize(path)
        super(path, vocabulary: PumaWords)
        @modes = Hash.new { |modes, name| modes[name] = [] }
        @files = []
        @told = {}
      end

      # @!group What words say

      # A value that is nil counts as not given: a variable was not set.
      def say(word, values, code = nil)
        super unless values == [nil]
      end

      def set(word, option, values, code = nil)
        return if values == [nil] || (word == :worker_shutdown_timeout && @forced)

        super
      end

      def absent(word, why)
        super unless @told[word]
        @told[word] = true
      end

      # A word of a plugin, or one that nobody knows.
      def unknown(word, values, code, words:, block: nil)
        return super if block
        return if puma.say(word, values, code)

        return if @told[word]

        @told[word] = true
        warn(word, "no word of Puma or of this server, so it has no effect#{Nearest.hint(word, words)}")
      end

      def hook(word, key, id, code)
        raise ConfigError, "#{origin(word)}: a block is missing: #{word} { ... }" unless code

        puma.hook(key, code, id, origin(word))
      end

      # A block, or an object that can be called.
      def callable(word, object)
        refuse(word, "a block, or an object with a method call, is missing") unless object.respond_to?(:call)

        puma.options[word] = object
      end

      # Code for one of Puma's modes, which runs when all files have been read.
      # @param name [Symbol] :single or :cluster
      def mode(name, code)
        refuse(name, "a block is missing") unless code

        @modes[name] << code
      end

      # A file that is to be read after this one.
      def later(path)
        @files << path.to_s
      end

      def bind(word, url)
        address, query = url.to_s.split("?", 2)
        more = URI.decode_www_form(query.to_s).to_h
        more.delete("low_latency") # always on
        backlog = more.delete("backlog")
        set(:backlog, Options[:backlog], [backlog]) if backlog
        address = "#{address}?#{URI.encode_www_form(more)}" unless more.empty? || address.start_with?("ssl:")
        @layer.set(Options[:bind], address, origin(word))
      end

      def port(port, host)
        host ||= puma.options[:default_host]
        return say(:port, [port]) unless host || @layer[:port]

        host ||= said.development? ? "127.0.0.1" : "0.0.0.0"
        bind(:port, "tcp://#{host.include?(":") && !host.start_with?("[") ? "[#{host}]" : host}:#{port}")
      end

      def clear_binds
        @layer.forget(:bind)
        @layer.forget(:port)
      end

      def force_shutdown_after(value)
        @forced = false
        seconds = {forever: "off", immediately: AT_ONCE}.fetch(value) { Float(value) }
        seconds = seconds.zero? ? AT_ONCE : "off" if seconds.is_a?(Float) && !seconds.positive?
        set(:force_shutdown_after, Options[:graceful_timeout], [seconds])
        @forced = true
      end

      def remote_address(value)
        address = header = nil
        case value
        when :socket then nil
        when :localhost then address = "127.0.0.1"
        when String then address = value
        when ->(one) { one.is_a?(Hash) && one[:header] } then header = "HTTP_#{value[:header].upcase.tr("-", "_")}"
        when ->(one) { one.is_a?(Hash) && one[:proxy_protocol] }
          refuse(:set_remote_address, "the PROXY protocol is not in this version; let the proxy send a header")
        else
          refuse(:set_remote_address, "#{value.inspect} is not allowed, expected :socket, :localhost, an address, " \
                                      "or header: \"X-Real-IP\"")
        end
        puma.options.merge!(remote_address_value: address, remote_address_header: header)
      end

      def methods_allowed(methods)
        return puma.options.delete(:supported_http_methods) if methods == :any
        if methods.is_a?(Array) && methods.any? && methods.all?(String)
          return puma.options[:supported_http_methods] = methods
        end

        refuse(:supported_http_methods, "expected :any or a list such as %w[GET POST]")
      end

      def redirect(stdout, stderr, append)
        {redirect_stdout: stdout, redirect_stderr: stderr, redirect_append: append}.each do |name, value|
          set(:stdout_redirect, Options[name], [value])
        end
      end

      # What has been said so far, by Puma's name for it.
      def get(key, default)
        value = PumaApi::Options.new(puma.options, said)[key]
        value.nil? ? default : value
      end

      private

      def run(words)
        read(words)
        until @files.empty?
          @path = @files.shift
          read(words)
        end
        puma.offer(words)
        @modes[clustered? ? :cluster : :single].each { |code| words.instance_eval(&code) }
      end

      # Whether Puma would have worker processes.
      def clustered?
        return false if said.origin(:workers) == "default"

        said[:workers] == WorkerCount::AUTO || said[:workers].positive?
      end

      def said
        Configuration.new([@layer, Environment.new(ENV).common])
      end

      def refuse(word, why)
        raise ConfigError, "#{origin(word)}: #{why}"
      end
    end
  end
end
