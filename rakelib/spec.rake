# frozen_string_literal: true

# The Ruby specs: `rake spec` with the Gemfile, `rake spec:NAME` with gemfiles/NAME.gemfile (another Rack, say).
# RSpec itself runs one file or one example: `bundle exec rspec spec/integration/smoke_spec.rb:4`.

require "shellwords"

desc "Run the specs"
task spec: :compile do
  sh("bundle", "exec", "rspec", *Shellwords.split(ENV.fetch("SPEC", "")))
end

namespace :spec do
  Dir["gemfiles/*.gemfile"].sort.each do |gemfile|
    name = File.basename(gemfile, ".gemfile").delete("_")
    desc "Run the specs with #{gemfile}"
    task name => :compile do
      Bundler.with_unbundled_env do
        environment = {"BUNDLE_GEMFILE" => File.expand_path(gemfile)}
        sh(environment, "bundle", "check", out: File::NULL, verbose: false) do |there,|
          sh(environment, "bundle", "install", "--quiet") unless there
        end
        sh(environment, "bundle", "exec", "rspec", *Shellwords.split(ENV.fetch("SPEC", "")))
      end
    end
  end
end
