# frozen_string_literal: true

# Rails 7.2 has SQLite itself wait for another writer, which keeps Ruby's lock, and the other writer from ending. This
# wait lets others run, as that of Rails 8 does.
module PatientConnection
  private

  def configure_connection
    super
    @raw_connection.busy_handler { |count| sleep(0.001) && count < 20_000 }
  end
end

ActiveSupport.on_load(:active_record_sqlite3adapter) { prepend PatientConnection }
