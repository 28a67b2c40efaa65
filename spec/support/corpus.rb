# frozen_string_literal: true

module Support
  # The protocol cases of spec/corpus, for a server on a real socket. Their form is described in spec/corpus/README.md;
  # facts of requests are left to the native tests.
  module Corpus
    # One case. `answers`: statuses on the wire, 100 excepted; `limits`: by the names of http::Limits.
    Case = Struct.new(:where, :rule, :input, :half_close, :limits, :answers, :refused, keyword_init: true)

    FOLDER = File.expand_path("../corpus", __dir__)
    ESCAPES = {"r" => "\r", "n" => "\n", "t" => "\t", "0" => "\0", "\\" => "\\", "s" => " "}.freeze

    module_function

    # @return [Array<Case>]
    def cases
      Dir["#{FOLDER}/*.txt"].sort.flat_map { |file| read(file) }
    end

    def read(file)
      File.readlines(file, chomp: true).each.with_index(1).with_object([]) do |(line, number), all|
        if line.start_with?("# ")
          all << Case.new(where: "#{File.basename(file)}:#{number}", rule: line[2..], input: "".b, limits: {},
                          answers: [])
        elsif !line.empty? && !line.start_with?(";")
          take(all.last, line)
        end
      end
    end

    def take(one, line)
      case line
      when /\A> ?(.*?)((?<!\\)\\)?\z/m
        one.input << unescape(Regexp.last_match(1)) << (Regexp.last_match(2) ? "" : "\r\n")
      when /\Alimit (\S+) (\d+)/ then one.limits[Regexp.last_match(1).to_sym] = Integer(Regexp.last_match(2))
      when /\A= request / then one.answers << 200
      when /\A= refused (\S+) (\d+)/
        one.refused = Regexp.last_match(1)
        one.answers << Integer(Regexp.last_match(2)) unless Regexp.last_match(2) == "0"
      when "half-close" then one.half_close = true
      end
    end

    def unescape(text)
      text.b.gsub(/\\(?:x(\h\h)|\{(\d+)\*((?:\\.|[^}])*)\}|(.))/m) do
        hex, count, repeated, letter = Regexp.last_match.captures
        next hex.hex.chr if hex

        count ? unescape(repeated) * Integer(count) : ESCAPES.fetch(letter)
      end
    end
  end
end
