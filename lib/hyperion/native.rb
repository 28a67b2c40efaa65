# frozen_string_literal: true

# The only file that loads the native extension.
require_relative "hyperion_http"
