# frozen_string_literal: true

module Api
  class NotesController < ActionController::API
    rescue_from(ActiveRecord::RecordNotFound) { head :not_found }

    def index
      render json: Note.order(:id).limit(10)
    end

    def show
      render json: Note.find(params[:id])
    end

    # The SELECT beside the INSERT keeps a connection of the pool for a while.
    def create
      note = Note.transaction { Note.create!(params.require(:note).permit(:author, :text)) }
      render json: {id: note.id, by_author: Note.where(author: note.author).count}, status: :created
    end
  end
end
