# frozen_string_literal: true

module Hyperion
  module Config
    # Finds the word that somebody who mistyped probably meant.
    module Nearest
      # One letter in so many may be wrong, when a word shall still be the same.
      LETTERS = 4

      module_function

      # @param word [#to_s]
      # @param words [Array<#to_s>] the right ones, at least one
      # @return [String]
      def to(word, words)
        word = plain(word)
        words.map(&:to_s).min_by { |candidate| [distance(word, plain(candidate)), candidate] }
      end

      # @return [String, nil] the nearest, unless it is quite another word
      def close_to(word, words)
        nearest = to(word, words)
        nearest if distance(plain(word), plain(nearest)) <= plain(word).size / LETTERS
      end

      # Spelling with dashes or underscores is no difference, nor is case.
      def plain(word)
        word.to_s.downcase.delete("-_")
      end

      # Levenshtein's: the fewest letters to insert, delete or replace.
      def distance(one, other)
        row = (0..other.size).to_a
        one.each_char.with_index(1) do |letter, line|
          diagonal = row.first
          row[0] = line
          other.each_char.with_index(1) do |against, column|
            replaced = diagonal + (letter == against ? 0 : 1)
            diagonal = row[column]
            row[column] = [replaced, row[column] + 1, row[column - 1] + 1].min
          end
        end
        row.last
      end
    end
  end
end
