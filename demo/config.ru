# frozen_string_literal: true

# The page that `bin/serve` shows when it is given no application: `bundle exec hyperion demo/config.ru`.
require_relative "app"

run Demo.new
