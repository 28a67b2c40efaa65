# frozen_string_literal: true

# ruby without_io_uring.rb COMMAND...: runs it under a seccomp filter that refuses io_uring_setup with EPERM, as the
# default sandbox of Docker does. Only the number of the system call is looked at: 425 on every architecture.

require "fiddle"

load_number = [0x20, 0, 0, 0] # offset of seccomp_data.nr
is_setup = [0x15, 0, 1, 425]
refuse = [0x06, 0, 0, 0x00050000 | Errno::EPERM::Errno]
allow = [0x06, 0, 0, 0x7fff0000]
filter = [load_number, is_setup, refuse, allow].map { |instruction| instruction.pack("SCCL") }.join
program = [4, Fiddle::Pointer[filter].to_i].pack("Sx6Q")

long = Fiddle::TYPE_LONG
prctl = Fiddle::Function.new(Fiddle::Handle::DEFAULT["prctl"], [Fiddle::TYPE_INT, long, long, long, long],
                             Fiddle::TYPE_INT)
prctl.call(38, 1, 0, 0, 0).zero? || abort("PR_SET_NO_NEW_PRIVS failed")
prctl.call(22, 2, Fiddle::Pointer[program].to_i, 0, 0).zero? || abort("PR_SET_SECCOMP failed")
exec(*ARGV)
