# frozen_string_literal: true

# Every way through the boundary, for gc_spec, in its own process and in another.
VARIED_APP = lambda do |env|
  input = env["rack.input"].read
  case env["PATH_INFO"]
  when "/each" then [200, {"x-a" => %w[b c]}, Enumerator.new { |out| 3.times { |i| out << "#{i}#{input}" } }]
  when "/call" then [200, {}, ->(stream) { stream.write("s", input) and stream.close }]
  when "/finished"
    env["rack.response_finished"] << ->(*) { @finished = (@finished || 0) + 1 }
    [200, {"content-type" => "text/plain"}, [input]]
  when "/raise" then raise "on purpose"
  when "/stress"
    GC.stress = input == "on"
    [200, {"content-type" => "text/plain"}, [GC.stress.to_s]]
  when "/compact"
    GC.auto_compact = true
    GC.compact
    [200, {"content-type" => "text/plain"}, ["moved"]]
  else [200, {"content-type" => "text/plain"}, ["#{input}#{env["HTTP_X_VALUE"]}"]]
  end
end
