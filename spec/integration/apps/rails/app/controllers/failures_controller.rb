# frozen_string_literal: true

class FailuresController < ApplicationController
  def show
    raise "a failure on purpose"
  end
end
