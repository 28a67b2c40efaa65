# frozen_string_literal: true

# Starts Agoo with a rackup file: its own command line takes no number of threads for one.
# Usage: agoo.rb RACKUP PORT THREADS
require "agoo"
require "rack"

rackup, port, threads = ARGV
app = Rack::Builder.parse_file(rackup)
Agoo::Log.configure(console: true, classic: true, colorize: false,
                    states: {INFO: false, DEBUG: false, connect: false, request: false, response: false})
Agoo::Server.init(Integer(port), Dir.pwd, thread_count: Integer(threads), worker_count: 1)
Agoo::Server.handle(nil, "**", app)
Agoo::Server.start
# With threads of its own it returns.
sleep
