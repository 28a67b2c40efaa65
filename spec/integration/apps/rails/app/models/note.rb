# frozen_string_literal: true

class Note < ActiveRecord::Base
  validates :author, :text, presence: true
end
