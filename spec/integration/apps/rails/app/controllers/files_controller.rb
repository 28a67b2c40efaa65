# frozen_string_literal: true

# A file of the folder files/: whole by send_file, a range of it as Rack serves ranges.
class FilesController < ApplicationController
  def show
    path = Rails.root.join("files", File.basename(params[:name]))
    return head(:not_found) unless path.file?

    request.headers["Range"] ? send_range(path) : send_file(path, type: "application/octet-stream")
  end

  private

  def send_range(path)
    self.status, fields, self.response_body = Rack::Files.new(nil).serving(request, path.to_s)
    fields.each { |name, value| headers[name] = value }
  end
end
