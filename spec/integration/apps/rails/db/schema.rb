# frozen_string_literal: true

ActiveRecord::Schema.verbose = false
ActiveRecord::Schema[7.2].define do
  create_table :notes do |table|
    table.string :author, null: false
    table.text :text, null: false
    table.timestamps
  end
end
