# frozen_string_literal: true

require_relative "content"

module Soak
  # What the server under test serves: every kind of body there is, and faults on request.
  class Application
    # A body that has each and nothing else: its length is not known before its end.
    Each = Struct.new(:number, :bytes) do
      def each(&block)
        Content.each_piece(number, bytes, &block)
      end
    end

    # A body that fails when part of it has been sent.
    class Half
      def each
        yield "a" * 2000
        raise Application::Planted, "planted in a body"
      end
    end

    # The faults that the client asks for, and the log may therefore tell of.
    class Planted < StandardError; end

    # @param file [String, nil] a path, served as a file
    def initialize(file)
      @file = file
    end

    def call(env)
      _, name, number = env["PATH_INFO"].split("/", 3)
      return missing unless ROUTES.include?(name)

      __send__(name, number.to_i, env)
    end

    ROUTES = %w[plain bytes each stream file echo digest raise half nonsense empty nap heap].freeze

    private

    def plain(number, _env)
      respond(Content.small(number))
    end

    def bytes(number, env)
      respond(Content.bytes(number, size(env)))
    end

    def each(number, env)
      [200, {"content-type" => "application/octet-stream"}, Each.new(number, size(env))]
    end

    def call_body(number, size)
      lambda do |stream|
        Content.each_piece(number, size) { |piece| stream.write(piece) }
      ensure
        stream.close
      end
    end

    def stream(number, env)
      [200, {"content-type" => "application/octet-stream"}, call_body(number, size(env))]
    end

    # A body with to_path: the server may leave it to the kernel.
    def file(_number, _env)
      body = File.new(@file, "rb")
      [200, {"content-type" => "application/octet-stream", "content-length" => body.size.to_s}, body]
    end

    def echo(_number, env)
      respond(env["rack.input"].read)
    end

    def digest(_number, env)
      digest = OpenSSL::Digest.new("SHA256")
      part = String.new
      digest << part while env["rack.input"].read(65_536, part)
      respond(digest.hexdigest)
    end

    def raise(_number, _env)
      Kernel.raise Planted, "planted in the application"
    end

    def half(_number, _env)
      [200, {"content-type" => "text/plain"}, Half.new]
    end

    def nonsense(_number, _env)
      :planted_nonsense
    end

    def empty(_number, _env)
      [204, {}, []]
    end

    def nap(number, _env)
      sleep(0.005)
      respond(Content.small(number))
    end

    # Asked by the harness once a sample.
    def heap(_number, _env)
      respond(GC.stat.slice(:heap_allocated_pages, :heap_live_slots, :count, :malloc_increase_bytes)
                .map { |name, value| "#{name}=#{value}" }.join("\n"))
    end

    def missing
      [404, {"content-type" => "text/plain"}, ["missing"]]
    end

    def size(env)
      env["QUERY_STRING"][/size=(\d+)/, 1].to_i.clamp(0, Content::LARGEST)
    end

    def respond(body)
      [200, {"content-type" => "application/octet-stream"}, [body]]
    end
  end
end
