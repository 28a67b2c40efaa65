# frozen_string_literal: true

# The Ruby specs: `rake spec` with the Gemfile, `rake spec:rack2` with Rack 2.2, `rake spec:lint` with Rack::Lint around
# every application.
# RSpec itself runs one file or one example: `bundle exec rspec spec/integration/smoke_spec.rb:4`.

require "shellwords"

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
       "bundle", "exec", "rspec", "--tag", "~build", "--tag", "~measure",
       *Shellwords.split(ENV.fetch("SPEC", "")))
  ensure
    sh("bundle", "exec", "rake", "compile", out: File::NULL, verbose: false)
  end

  desc "Run the integration specs with Rack::Lint around every application"
  task lint: :compile do
    sh({"HYPERION_LINT" => "1"}, "bundle", "exec", "rspec", "--tag", "~build",
       *Shellwords.split(ENV.fetch("SPEC", "spec/integration")))
  end

  Dir["gemfiles/rack*.gemfile"].sort.each do |gemfile|
    desc "Run the specs with #{gemfile}; HYPERION_LINT=1 for Rack::Lint"
    task File.basename(gemfile, ".gemfile") => :compile do
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
