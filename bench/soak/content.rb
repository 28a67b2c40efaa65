# frozen_string_literal: true

require "openssl"

module Soak
  # Bodies that the application and the client make from the same numbers, so that each knows what the other must send.
  module Content
    # Random, so that no part looks like another one: a piece that is lost, doubled or moved changes the hash.
    BLOB = Random.new(20_011).bytes(4 << 20).freeze
    LARGEST = 2 << 20
    PIECE = 16_384

    # @param number [Integer] picks the part
    # @param size [Integer] at most LARGEST
    def self.bytes(number, size)
      BLOB.byteslice(number * 7919 % (BLOB.bytesize - size), size)
    end

    # A small body; its size follows from the number, too.
    def self.small(number)
      bytes(number, 64 + number % 1500)
    end

    # @return [String] hexadecimal SHA-256
    def self.hash(bytes)
      OpenSSL::Digest::SHA256.hexdigest(bytes)
    end

    # @yieldparam [String] a body in pieces of uneven sizes
    def self.each_piece(number, size)
      body = bytes(number, size)
      at = 0
      while at < size
        piece = body.byteslice(at, 1 + (number + at) % PIECE)
        yield piece
        at += piece.bytesize
      end
    end
  end
end
