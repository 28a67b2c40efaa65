# frozen_string_literal: true

require_relative "hyperion/version"
require_relative "hyperion/errors"
require_relative "hyperion/server"
