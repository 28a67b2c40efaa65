# frozen_string_literal: true

namespace :docs do
  desc "Write docs/configuration.md from the option table"
  task :configuration do
    require_relative "configuration_guide"
    File.write(ConfigurationGuide::FILE, ConfigurationGuide.text)
  end
end
