# frozen_string_literal: true

# Two events: the second when somebody has created the file that `after` names.
class StreamsController < ApplicationController
  include ActionController::Live

  def show
    response.headers["Content-Type"] = "text/event-stream"
    response.headers["Last-Modified"] = Time.now.httpdate # which keeps Rack 2.2's ETag from collecting it
    events = SSE.new(response.stream, event: "line")
    events.write("first")
    until Rails.root.join(params.require(:after)).exist?
      sleep 0.01
      events.write("waiting")
    end
    events.write("last")
  rescue ActionController::Live::ClientDisconnected
    Rails.root.join("disconnected").write("")
  ensure
    events&.close
  end
end
