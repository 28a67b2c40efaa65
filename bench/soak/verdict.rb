# frozen_string_literal: true

require "csv"
require_relative "rules"
require_relative "series"

module Soak
  # The rules' findings on a run, and what follows from them.
  class Verdict
    RULES = %i[rss_growth descriptor_growth descriptor_peak p99_spread p99_drift p50_drift wrong_responses
               lost_responses crashes log_errors load_kept].freeze

    attr_reader :findings

    # @param series [Series]
    def initialize(series)
      @series = series
      @findings = Rules.judge(series)
      @report_only = series.facts[:report_only].map(&:to_sym)
    end

    # The verdict of an earlier run, computed anew.
    # @return [String, nil] why it says nothing any more
    def void
      "void: the rules have changed (#{@series.facts[:rules]}, now #{Rules::VERSION})" if changed?
    end

    def pass?
      !changed? && finished? && failed.empty?
    end

    # @return [String] PASS or SOAK FAIL first, then each number against its bound
    def text
      [headline, circumstances, *@findings.map { |finding| line(finding) }].join("\n")
    end

    # Writes verdict.txt and summary.csv.
    def write
      File.write(@series.path("verdict.txt"), "#{text}\n")
      rows = @findings.map do |finding|
        [finding.rule, finding.number&.round(3), finding.bound.round(3), finding.unit, state(finding), finding.remark]
      end
      table = [%w[rule number bound unit verdict remark], *rows].map(&:to_csv).join
      File.write(@series.path("summary.csv"), "# #{headline}\n# #{circumstances}\n#{table}")
    end

    # @return [String] of one finding: good, FAIL, reported (not judged because it was asked for)
    def state(finding)
      return "reported" if @report_only.include?(finding.rule)
      return "good" if finding.good

      finding.number ? "FAIL" : "NOT JUDGED"
    end

    def headline
      return "SOAK FAIL: #{void}" if void
      return "SOAK FAIL: unfinished, #{@series.elapsed.round} of #{@series.facts[:duration]} s" unless finished?
      return "SOAK FAIL: #{failed.map(&:rule).join(", ")}" if failed.any?

      "PASS#{" (not judged: #{@report_only.join(", ")})" if @report_only.any?}"
    end

    def circumstances
      facts = @series.facts
      resumed = facts[:segments].size > 1 ? ", resumed #{times(facts[:segments].size - 1)}" : ""
      "rules #{facts[:rules]}, profile #{facts[:profile]}, loop #{facts[:loop]}, " \
        "#{@series.elapsed.round} s#{resumed}, " \
        "a sample every #{facts[:interval]} s, warm-up #{facts[:warm_up].round} s, windows of #{facts[:window]} s, " \
        "#{facts[:rate]} requests/s, seed #{facts[:seed]}; #{facts[:server]}; #{facts[:machine]}"
    end

    private

    def times(count)
      count == 1 ? "1 time" : "#{count} times"
    end

    def changed?
      @series.facts[:rules] != Rules::VERSION
    end

    # The last sample may come a little early, the drain a little late.
    def finished?
      @series.elapsed >= @series.facts[:duration] - @series.facts[:interval]
    end

    def failed
      @findings.reject { |finding| finding.good || @report_only.include?(finding.rule) }
    end

    def line(finding)
      ["  ", state(finding).ljust(10), finding.rule.to_s.ljust(18), number(finding.number).rjust(10),
       finding.rule == :load_kept ? " >= " : " <= ", number(finding.bound).rjust(8), finding.unit.ljust(4),
       finding.remark].join(" ").rstrip
    end

    def number(value)
      return "-" unless value

      value.is_a?(Float) ? value.round(2).to_s : value.to_s
    end
  end
end
