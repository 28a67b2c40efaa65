# frozen_string_literal: true

# The Ruby specs: `rake spec` with the Gemfile, `rake spec:rack2` with Rack 2.2, `rake spec:lint` with Rack::Lint around
# every application,
# `rake spec:apps` what .rspec leaves out: the Rails and the Sinatra application, which need bundles of their own.
# RSpec itself runs one file or one example: `bundle exec rspec spec/integration/smoke_spec.rb:4`.

require "shellwords"

# Runs the block without the Bundler of this process.
# @yieldparam environment [Hash{String => String}] chooses the bundle of `gemfile`, installed beside this one's gems
def with_bundle(gemfile)
  folder = Bundler.settings[:path]
  environment = {"BUNDLE_GEMFILE" => File.expand_path(gemfile), "BUNDLE_PATH" => folder && File.expand_path(folder)}
  Bundler.with_unbundled_env do
    sh(environment, "bundle", "check", out: File::NULL, verbose: false) do |there,|
      sh(environment, "bundle", "install", "--quiet") unless there
    end
    yield environment if block_given?
  end
end

desc "Run the specs"
task spec: :compile do
  sh("bundle", "exec", "rspec", *Shellwords.split(ENV.fetch("SPEC", "")))
end

namespace :spec do
  # The interpreter itself is not instrumented: LD_PRELOAD brings the sanitizers' libraries, leaks are not looked for
  # (Ruby frees nothing at its end), SIGSEGV and the stacks of signal handlers stay with Ruby. Examples that build or
  # measure something are left out.
  desc "Run the specs with the extension under ASan and UBSan"
  task :asan do
    sh({"HYPERION_SANITIZE" => "address"}, "bundle", "exec", "rake", "compile", verbose: false)
    libraries = %w[libasan.so libubsan.so].map { |name| `g++ -print-file-name=#{name}`.chomp }
    settings = %w[detect_leaks=0 handle_segv=0 allow_user_segv_handler=1 use_sigaltstack=0
                  detect_stack_use_after_return=0]
    sh({"LD_PRELOAD" => libraries.join(":"), "ASAN_OPTIONS" => settings.join(":"),
        "UBSAN_OPTIONS" => "print_stacktrace=1:halt_on_error=1"},
       "bundle", "exec", "rspec", "--tag", "~build", "--tag", "~measure", "--tag", "~soak",
       *Shellwords.split(ENV.fetch("SPEC", "")))
  ensure
    sh("bundle", "exec", "rake", "compile", out: File::NULL, verbose: false)
  end

  desc "Run the integration specs over epoll with Rack::Lint around every application"
  task lint: :compile do
    # The other runs have what `auto` gives: io_uring, where the kernel has it.
    sh({"HYPERION_LINT" => "1", "HYPERION_LOOP" => "epoll"}, "bundle", "exec", "rspec", "--tag", "~build",
       *Shellwords.split(ENV.fetch("SPEC", "spec/integration")))
  end

  Dir["gemfiles/rack*.gemfile"].sort.each do |gemfile|
    desc "Run the specs with #{gemfile}, over epoll; HYPERION_LINT=1 for Rack::Lint"
    task File.basename(gemfile, ".gemfile") => :compile do
      with_bundle(gemfile) do |environment|
        # The gem that is built and installed is the same, and so is the soak. `rake spec` runs over what `auto` gives.
        environment = {"HYPERION_LOOP" => "epoll"}.merge(environment)
        sh(environment, "bundle", "exec", "rspec", "--tag", "~build", "--tag", "~soak",
           *Shellwords.split(ENV.fetch("SPEC", "")))
      end
    end
  end

  desc "Run the specs of the Rails and the Sinatra application"
  task apps: :compile do
    Dir["gemfiles/apps*.gemfile"].sort.each { |gemfile| with_bundle(gemfile) }
    specs = ENV.fetch("SPEC") { Dir["spec/integration/apps/*_spec.rb"].sort.join(" ") }
    sh("bundle", "exec", "rspec", *Shellwords.split(specs))
  end
end
