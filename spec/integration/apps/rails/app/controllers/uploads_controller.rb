# frozen_string_literal: true

# Says what arrived: a part of a form, or the whole body.
class UploadsController < ApplicationController
  skip_forgery_protection

  def create
    file = params.require(:file)
    render json: {name: file.original_filename, type: file.content_type, title: params[:title], **facts(file.read)}
  end

  def update
    render json: facts(request.body.read)
  end

  private

  def facts(content)
    {size: content.bytesize, digest: Digest::SHA256.hexdigest(content)}
  end
end
