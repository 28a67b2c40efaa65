# frozen_string_literal: true

# A minimal API-only Rails application: one action that renders ten objects as JSON. Set up as the production.rb that
# Rails generates; with reloading, it would list folders in every request.
require "rails"
require "action_controller/railtie"

class BenchApplication < Rails::Application
  config.load_defaults 7.2
  config.api_only = true
  config.enable_reloading = false
  config.eager_load = true
  config.consider_all_requests_local = false
  config.secret_key_base = "0" * 64
  config.hosts.clear
  config.log_level = :fatal
  config.logger = Logger.new(File::NULL)
  routes.append { get "/items", to: "items#index" }
end

class ItemsController < ActionController::API
  ITEMS = Array.new(10) do |number|
    {id: number, name: "Item #{number}", price: number * 1.25, tags: %w[new red],
     made_at: Time.utc(2024, 1, number + 1)}
  end.freeze

  def index
    render json: ITEMS
  end
end

Rails.application.initialize!
run Rails.application
