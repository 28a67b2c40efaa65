# frozen_string_literal: true

require "json"
require "net/http"
require_relative "waiting"

module Support
  # What a web browser does, over Net::HTTP: one connection that is kept, cookies, forms with files.
  class Browser
    # @yieldparam browser [Browser]
    def self.open(port)
      Net::HTTP.start("127.0.0.1", port, read_timeout: Waiting::PATIENCE, max_retries: 0) { |http| yield new(http) }
    end

    def initialize(http)
      @http = http
      @cookies = {}
    end

    # @yield [Net::HTTPResponse] before its body is read
    # @return [Net::HTTPResponse]
    def get(path, fields = {}, &block)
      perform(Net::HTTP::Get.new(path, fields), &block)
    end

    def head(path)
      perform(Net::HTTP::Head.new(path))
    end

    # @param body [String, Hash] a Hash is a form
    def post(path, body, fields = {})
      request = Net::HTTP::Post.new(path, fields)
      body.is_a?(Hash) ? request.set_form_data(body) : request.body = body
      perform(request)
    end

    def post_json(path, data)
      post(path, JSON.generate(data), "Content-Type" => "application/json")
    end

    def put(path, body)
      request = Net::HTTP::Put.new(path, "Content-Type" => "application/octet-stream")
      request.body = body
      perform(request)
    end

    # @param file [String] its content
    # @param chunked [Boolean] without Content-Length
    def upload(path, file, name:, chunked: false, **others)
      request = Net::HTTP::Post.new(path, chunked ? {"Transfer-Encoding" => "chunked"} : {})
      part = ["file", StringIO.new(file), {filename: name, content_type: "application/x-data"}]
      request.set_form([*others.map { |key, value| [key.to_s, value] }, part], "multipart/form-data")
      perform(request)
    end

    private

    def perform(request, &block)
      request["Cookie"] = @cookies.map { |pair| pair.join("=") }.join("; ") unless @cookies.empty?
      @http.request(request, &block).tap do |response|
        (response.get_fields("set-cookie") || []).each do |cookie|
          name, value = cookie.split(";").first.split("=", 2)
          @cookies[name] = value
        end
      end
    end
  end
end
