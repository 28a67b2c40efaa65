# frozen_string_literal: true

# The least of Rails that solid_queue needs.
require "rails"
require "active_record/railtie"
require "active_job/railtie"
require "solid_queue"

class QueueApplication < Rails::Application
  config.root = File.expand_path("..", __dir__)
  config.load_defaults 7.2
  config.eager_load = false
  config.secret_key_base = "not a secret"
  config.active_job.queue_adapter = :solid_queue
  config.logger = ActiveSupport::Logger.new(File.join(root, "rails.log"))
end

# Says which process did it.
class NoteJob < ActiveJob::Base
  def perform(text)
    File.write("done", "#{Process.pid} #{text}\n", mode: "a")
  end
end
