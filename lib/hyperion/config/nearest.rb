# frozen_string_literal: true

module Hyperion
  module Config
    # Finds the word that somebody who mistyped probably meant.
    module Nearest
      # One letter in so many may be wrong, when a word shall still be the same.
      LETTERS = 4
      # One in so many, when it is only a guess for somebody who reads it.
      GUESSED = 3

      module_function

      # @param word [#to_s]
      # @param words [Array<#to_s>] the right ones, at least one
      # @return [String, nil] nil: all are quite other words
      def to(word, words)
        within((plain(word).size / GUESSED.to_f).ceil, word, words)
      end

      # @return [String, nil] nil as well when it is not certain that this one is meant
      def close_to(word, words)
        within(plain(word).size / LETTERS, word, words)
      end

      # @return [String] for the end of a message; empty when nothing is near
      def hint(word, words)
        nearest = to(word, words)
        nearest ? "; the nearest is #{nearest}" : ""
      end

      def within(most, word, words)
        word = plain(word)
        far, nearest = words.map { |one| [distance(word, plain(one)), one.to_s] }.min
        nearest if far <= most
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
