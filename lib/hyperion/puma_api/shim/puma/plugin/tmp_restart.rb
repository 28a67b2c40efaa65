# frozen_string_literal: true

require_relative "../plugin"

# Restarts the server when tmp/restart.txt is touched.
Puma::Plugin.create do
  def start(launcher)
    path = File.join("tmp", "restart.txt")
    File.write(path, "") unless File.exist?(path)
    first = File.mtime(path)
    in_background do
      sleep 1 until later?(path, first)
      launcher.restart
    end
  rescue SystemCallError
    nil # no folder tmp, or none that can be written: as in Puma, nothing to watch
  end

  private

  def later?(path, first)
    File.mtime(path) > first
  rescue SystemCallError
    false
  end
end
