# frozen_string_literal: true

require "socket"
require_relative "inherited_sockets"

module Hyperion
  class Server
    # Opens the listening sockets of an engine, and says in one line why one cannot be opened.
    class Binder
      # A name with several addresses wants one port on all of them; what the kernel picks for the first may be taken on
      # the next.
      TRIES = 5

      ADVICE = {
        Errno::EADDRINUSE => "somebody listens there (ss -ltnp names the process); stop it, or take another port",
        Errno::EACCES => "this user may not; ports below 1024 need root or CAP_NET_BIND_SERVICE, a path needs a " \
                         "folder that can be written",
        Errno::EADDRNOTAVAIL => "no network interface of this machine has that address",
        Errno::ENOENT => "the folder does not exist",
        Errno::EEXIST => "something else than a socket is there; remove it or take another path",
        Errno::ENAMETOOLONG => "a socket's path has at most 107 bytes",
        Errno::EBADF => "no such descriptor was inherited",
        Errno::ENOTSOCK => "the descriptor is no socket",
        Errno::EINVAL => "the descriptor is no socket that listens"
      }.freeze

      # @param engine [Hyperion::Engine]
      def initialize(engine)
        @engine = engine
        @counts = {} # of sockets, by address
      end

      # @param address [Config::Address] with its port
      # @raise [SystemCallError, SocketError]
      def bind(address)
        before = @engine.urls.size
        inherit(address) || make(address)
        @counts[address] = @engine.urls.size - before
      rescue SystemCallError => error
        raise SocketError, "cannot listen at #{address}: the host name does not resolve" if unresolved?(address, error)

        raise error.class, ["cannot listen at #{address}", ADVICE[error.class]].compact.join("; ")
      end

      # @param address [Config::Address] of the admin paths' own listener
      # @raise [SystemCallError, SocketError]
      def bind_admin(address)
        bind_tcp(address, :listen_admin)
      rescue SystemCallError => error
        raise SocketError, "admin listener: the host name of #{address} does not resolve" if unresolved?(address, error)

        raise error.class, ["admin listener: cannot listen at #{address}", ADVICE[error.class]].compact.join("; ")
      end

      # Copies of the listening sockets, for a program that comes after this one. They are the caller's.
      # @return [Hash{Config::Address => Array<Integer>}] descriptors
      def hand_on
        descriptors = @engine.hand_on
        sockets = @counts.transform_values { |count| descriptors.shift(count) }
        InheritedSockets.release(descriptors) # of the admin paths, which are bound anew
        sockets
      end

      private

      def make(address)
        case address.kind
        when :tcp then bind_tcp(address)
        when :unix then bind_unix(address)
        else @engine.listen_inherited(address.fd)
        end
      end

      # Sockets that the program before this one had at that address: nobody else's, unless it had them from somebody.
      def inherit(address)
        descriptors = InheritedSockets.take(address)
        descriptors.each { |descriptor| @engine.listen_inherited(descriptor, address.kind != :fd) }
        descriptors.any?
      rescue Errno::EBADF, Errno::ENOTSOCK, Errno::EINVAL
        false # it was not passed on after all
      end

      def bind_tcp(address, listen = :listen_tcp)
        tries = 0
        begin
          @engine.public_send(listen, address.host, address.port)
        rescue Errno::EADDRINUSE
          retry if address.port.zero? && (tries += 1) < TRIES
          raise
        end
      end

      # The permissions hold from the socket's first moment, so the umask is narrowed while it is made.
      def bind_unix(address)
        umask = address.umask || (address.mode && (0o777 & ~address.mode))
        before = File.umask(umask) if umask
        @engine.listen_unix(address.path, address.mode)
      ensure
        File.umask(before) if before
      end

      def unresolved?(address, error)
        address.kind == :tcp && error.is_a?(Errno::ENOENT)
      end
    end
  end
end
