# frozen_string_literal: true

# A test suite that has its application served, as one with a browser needs it: `ruby test/served_test.rb`.
ENV["RAILS_ENV"] = "test"
require_relative "../config/environment"
require "minitest/autorun"
require "net/http"

class ServedTest < Minitest::Test
  def setup
    @server = Hyperion::Server.new(app: Rails.application, host: "127.0.0.1", port: 0, log_requests: false).start
  end

  def teardown
    assert @server.stop, "a request did not end"
  end

  def get(path)
    Net::HTTP.get_response(URI(@server.urls.first + path))
  end

  def test_that_threads_of_the_test_are_served
    authors = Array.new(8) { |number| "author #{number} of #{@server.port}" }
    notes = authors.map { |author| Note.create!(author: author, text: "hello") }
    answers = notes.map { |note| Thread.new { JSON.parse(get("/api/notes/#{note.id}").body) } }.map(&:value)

    assert_equal authors, answers.pluck("author")
  end

  def test_that_the_test_sees_what_the_application_wrote
    body = {note: {author: "client of #{@server.port}", text: "hello"}}.to_json
    response = Net::HTTP.post(URI("#{@server.urls.first}/api/notes"), body, "Content-Type" => "application/json")

    assert_equal "201", response.code
    assert_equal "hello", Note.find_by!(author: "client of #{@server.port}").text
  end

  def test_that_a_failure_is_an_answer
    assert_equal "500", get("/failure").code
    assert_equal "200", get("/notes").code
  end

  def test_that_two_servers_do_not_meet
    other = Hyperion::Server.new(app: ->(_env) { [200, {}, ["other"]] }, host: "127.0.0.1", port: 0).start

    assert_equal "other", Net::HTTP.get(URI(other.urls.first))
    assert_includes get("/notes").body, "Guest book"
  ensure
    other.stop
  end

  # What Capybara.register_server is given, runs on a thread of Capybara's.
  def test_that_a_thread_can_run_it
    server = Hyperion::Server.new(app: Rails.application, host: "127.0.0.1", port: 0, log_requests: false)
    thread = Thread.new { server.run }
    sleep 0.01 until server.running?

    assert_equal "200", Net::HTTP.get_response(URI("#{server.urls.first}/notes")).code
  ensure
    server.stop
    assert thread.join(10)
  end
end
