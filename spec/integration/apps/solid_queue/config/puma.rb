# frozen_string_literal: true

threads 3, 3
plugin :tmp_restart
plugin :solid_queue
solid_queue_mode ENV["MODE"] if ENV["MODE"] && respond_to?(:solid_queue_mode)
