# frozen_string_literal: true

require_relative "lib/hyperion/version"

Gem::Specification.new do |spec|
  spec.name = "hyperion-rb"
  spec.version = Hyperion::VERSION
  spec.authors = ["The hyperion-rb authors"]
  spec.summary = "A web server for Ruby applications, with its I/O in native threads"
  spec.description = "A Rack web server whose sockets belong to native threads that never hold Ruby's lock: fast on " \
                     "any Rack application, fair under load, strict with clients."
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  # Named by pattern: what lies about in a working tree (objects, scratch files) stays out.
  spec.files = Dir["lib/**/*.rb", "ext/hyperion_http/**/*.{rb,cpp,hpp,map}", "exe/hyperion", "docs/**/*.md",
                   "README.md", "CHANGELOG.md", "LICENSE", base: __dir__]
  spec.bindir = "exe"
  spec.executables = ["hyperion"]
  spec.extensions = ["ext/hyperion_http/extconf.rb"]
  spec.metadata = {"rubygems_mfa_required" => "true"}

  spec.add_dependency "rack", ">= 2.2", "< 4"
end
