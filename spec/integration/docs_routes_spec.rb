# frozen_string_literal: true

# The examples of docs/routes.md, all in one rackup file: what the page says of a request, `# GET /a => 200 "body"`, is
# what the server answers, in the order of the page.
RSpec.describe "docs/routes.md", no_lint: "a class of the page's own stands in it" do
  code = File.read(File.expand_path("../../docs/routes.md", __dir__)).scan(/^```ruby\n(.*?)^```/m).flatten
  claims = code.join.scan(/^# ([A-Z]+) (\S+)(?: ("(?:[^"\\]|\\.)*"))? => (\d+)(?: ("(?:[^"\\]|\\.)*"))?$/)

  it "has examples for everything" do
    expect(code.size).to be >= 6
    expect(claims.size).to be >= 15
  end

  it "says what a server does" do
    process = start_hyperion("-p", "0", app: code.join("\n"))
    Support::RawClient.open(process.port) do |client|
      claims.each do |method, target, body, status, wanted|
        answer = client.fetch(method, target, {}, body&.undump)
        expect([method, target, answer.status]).to eq([method, target, Integer(status)])
        expect(answer.body).to eq(wanted.undump) if wanted
      end
      seen = client.fetch("GET", "/seen").body
      expect(seen).to include('["GET", "/seen", 200, nil, false]')
      # The page's own question may have taken what was there.
      client.fetch("GET", "/ping")
      wait_until("the hooks of a static route") do
        (seen << client.fetch("GET", "/seen").body).include?('["GET", "/ping", 200, nil, true]')
      end
    end
  end
end
