# frozen_string_literal: true

RSpec.describe "one request through every layer" do
  it "reaches the Rack application and comes back", no_lint: {rack_2: "Lint hides how long a body is"} do
    server = start_server do |env|
      [201, {"content-type" => "text/plain", "x-path" => env["PATH_INFO"]}, ["hello ", env["QUERY_STRING"]]]
    end

    response = fetch(server, "GET", "/a?b=c")

    expect(response).to have_attributes(status: 201, body: "hello b=c")
    expect(response["x-path"]).to eq("/a")
    expect(response["content-length"]).to eq("9")
  end
end
