# frozen_string_literal: true

# The example of an embedded server: apps/rails/test/served_test.rb.
RSpec.describe "Hyperion::Server in a test suite of a Rails application" do
  it "serves the application to the suite's threads, and leaves no server behind" do
    suite = Support::AppProcess.new("rails", command: ["test/served_test.rb"])

    expect(exit_status(suite, patience: 120)).to eq(0), suite.output
    expect(suite.stdout).to match(/5 runs, \d+ assertions, 0 failures, 0 errors/)
  ensure
    suite.clean
  end
end
