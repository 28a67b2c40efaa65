# frozen_string_literal: true

module Soak
  # The few statistics that the rules need. None of them is moved far by a few values that are far out.
  module Statistics
    # The number of pairs grows with the square of the points; a day of samples every ten seconds has 37 million.
    MOST_POINTS = 500

    module_function

    # @return [Float] between the two nearest values where it falls between them
    def quantile(values, share)
      sorted = values.sort
      at = (sorted.size - 1) * share
      low = sorted[at.floor]
      low + (sorted[at.ceil] - low) * (at - at.floor)
    end

    def median(values)
      quantile(values, 0.5)
    end

    def mean(values)
      values.sum.to_f / values.size
    end

    # Theil and Sen's: the median of the slopes of all pairs of points. Up to 29 % of the points may be anything.
    # @param points [Array<Array(Numeric, Numeric)>]
    # @return [Float] per unit of the first coordinate
    def slope(points)
      slopes = thin(points).combination(2).filter_map do |(earlier, before), (later, after)|
        (after - before).to_f / (later - earlier) if later != earlier
      end
      slopes.empty? ? 0.0 : median(slopes)
    end

    # Standard deviation as the distance of the first from the last decile gives it, were the values normal: one value
    # in ten may be far out on either side.
    def deviation(values)
      (quantile(values, 0.9) - quantile(values, 0.1)) / 2.563
    end

    # Kendall's: whether the order of the values in time is more than chance, in standard deviations.
    def trend(values)
      count = values.size
      score = values.combination(2).sum { |earlier, later| later <=> earlier }
      spread = Math.sqrt(count * (count - 1) * (2 * count + 5) / 18.0)
      (score - (score <=> 0)) / spread
    end

    # Medians of neighbours, so that there are at most MOST_POINTS.
    def thin(points)
      return points if points.size <= MOST_POINTS

      points.each_slice((points.size / MOST_POINTS.to_f).ceil).map do |slice|
        slice.transpose.map { |values| median(values) }
      end
    end
  end
end
