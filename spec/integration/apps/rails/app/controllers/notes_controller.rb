# frozen_string_literal: true

# Pages with a form, its token, a session and a flash.
class NotesController < ApplicationController
  def index
    session[:visits] = session[:visits].to_i + 1
    @notes = Note.order(:id)
  end

  def create
    note = Note.new(params.require(:note).permit(:author, :text))
    if note.save
      redirect_to notes_path, notice: "Thank you, #{note.author}"
    else
      @notes = Note.order(:id)
      flash.now[:alert] = note.errors.full_messages.to_sentence
      render :index, status: :unprocessable_entity
    end
  end

  # As long tables are sent in Rails: made while it is sent.
  def export
    headers["Content-Type"] = "text/csv"
    headers["Last-Modified"] = Time.now.httpdate # which keeps Rack 2.2's ETag from collecting it
    self.response_body = Enumerator.new do |lines|
      lines << "author;text\n"
      Note.find_each { |note| lines << "#{note.author};#{note.text}\n" }
    end
  end
end
