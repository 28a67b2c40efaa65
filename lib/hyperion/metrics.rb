# frozen_string_literal: true

require_relative "native"
require_relative "metrics/counter"
require_relative "metrics/gauge"
require_relative "metrics/histogram"

# The web server.
module Hyperion
  # The application's own metrics, on the page of the server's. Their numbers live outside Ruby, so that a scrape waits
  # for no Ruby thread.
  #
  #   ORDERS = Hyperion.metrics.counter(:shop_orders_total, "Orders placed", labels: [:country])
  #   ORDERS.increment(country: "de")
  #
  # Names are those of Prometheus: letters, digits and underscores; those that begin with hyperion_ are the server's.
  # A definition that is repeated returns the metric that is there (code may be reloaded); one that differs is an error.
  #
  # Bounds: 500 metrics of 16 labels; label values of 128 bytes, what is longer is cut; 1,000 combinations of label
  # values for each metric, further ones are counted together, each label "other".
  class Metrics
    # Upper edges in seconds, where a histogram is given none.
    BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10].freeze

    # @param name [Symbol, String] ends in _total by convention
    # @param help [String] one sentence for people
    # @param labels [Array<Symbol>]
    # @return [Counter]
    # @raise [ArgumentError] for a name that cannot be, or that is another metric's
    def counter(name, help, labels: [])
      Counter.new(self, *define("counter", name, help, labels))
    end

    # @return [Gauge]
    # @raise [ArgumentError]
    # @see #counter
    def gauge(name, help, labels: [])
      Gauge.new(self, *define("gauge", name, help, labels))
    end

    # @param buckets [Array<Numeric>] upper edges, ascending
    # @return [Histogram]
    # @raise [ArgumentError]
    # @see #counter
    def histogram(name, help, labels: [], buckets: BUCKETS)
      Histogram.new(self, *define("histogram", name, help, labels, buckets))
    end

    private

    def define(kind, name, help, labels, buckets = [])
      raise ArgumentError, "labels must be an Array of names" unless labels.is_a?(Array)

      labels = labels.map(&:to_sym).freeze
      names = labels.map { |label| unicode(label) }
      number = define_family(kind, unicode(name), help_text(help), names, edges(buckets))
      [name.to_sym, number, labels]
    end

    def help_text(help)
      return unicode(help) if help.is_a?(String) && !help.strip.empty?

      raise ArgumentError, "a metric needs a help text of one sentence"
    end

    def edges(buckets)
      return buckets.map(&:to_f) if buckets.is_a?(Array) && buckets.all? { |edge| edge.is_a?(Numeric) && edge.real? }

      raise ArgumentError, "buckets must be an Array of numbers"
    end

    def unicode(text)
      text.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    end
  end

  # The one of this process.
  @metrics = Metrics.new

  class << self
    # @return [Metrics] the ones of every server in this process
    attr_reader :metrics
  end
end
