# frozen_string_literal: true

# A guest book: what a Rails application commonly does, in few files. Production and development differ as they do in
# a generated one.
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"

Bundler.require(*Rails.groups)

class Guestbook < Rails::Application
  config.load_defaults 7.2
  config.root = File.expand_path("..", __dir__)
  config.enable_reloading = Rails.env.development?
  config.eager_load = !Rails.env.development?
  config.consider_all_requests_local = Rails.env.development?
  config.public_file_server.enabled = true
  config.secret_key_base = "0" * 64
  config.logger = Logger.new(config.root.join("rails.log"))
end
