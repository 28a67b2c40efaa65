# frozen_string_literal: true

require_relative "config/application"
QueueApplication.initialize!

unless ActiveRecord::Base.connection.table_exists?("solid_queue_jobs")
  ActiveRecord::Schema.verbose = false
  folder = Gem.loaded_specs["solid_queue"].full_gem_path
  load File.join(folder, "lib/generators/solid_queue/install/templates/db/queue_schema.rb")
end

run(lambda do |env|
  NoteJob.perform_later(env["PATH_INFO"][1..]) if env["REQUEST_METHOD"] == "POST"
  [200, {"content-type" => "text/plain"}, [Puma.stats]]
end)
