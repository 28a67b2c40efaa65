# frozen_string_literal: true

require_relative "app_process"
require_relative "browser"

module Support
  # For groups of examples around one application that is served for all of them.
  module ServedApps
    # @param arguments as AppProcess wants them
    def serve_app(...)
      before(:context) { @app = AppProcess.new(...) }
      before(:context) { @app.ready }
      after(:context) { @app&.clean }
      let(:app) { @app }
      after { |example| warn(@app.output.lines.last(20)) if example.exception }

      define_method(:browse) { |&block| Browser.open(app.port, &block) }
    end
  end
end
