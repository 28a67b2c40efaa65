#!/usr/bin/env bash
# Starts hyperion and its rivals one after another on the same applications, loads each with wrk, and prints a table
# for each application; figures also as CSV (tmp/bench-results, or --out DIR). Needs wrk, and nginx for the whole comparison;
# the rivals are installed from bench/Gemfile. Nothing else should run on the machine meanwhile.
#   bench/run_all.sh                                    everything, about half an hour
#   bench/run_all.sh --rows hello,json50 --rounds 5     some rows; --help tells the rest
#   bench/run_all.sh --quick                            does the harness work? ours and Puma, a second each
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

needed=(wrk nginx)
quick=
for argument in "$@"; do
  if [ "$argument" = --quick ]; then
    needed=(wrk)
    quick=1
  fi
done
for program in "${needed[@]}"; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || {
    echo "bench: $program is missing (apt-get install wrk nginx-light)" >&2
    exit 1
  }
done

# As if nothing of another bundle were here: `bundle exec bench/run_all.sh` works, too.
unset RUBYOPT RUBYLIB BUNDLER_SETUP BUNDLE_BIN_PATH
export PATH=$PATH:/usr/sbin BUNDLE_PATH=$PWD/vendor/bundle BUNDLE_SILENCE_ROOT_WARNING=1
BUNDLE_GEMFILE=$PWD/Gemfile bundle exec rake --quiet compile >/dev/null
export BUNDLE_GEMFILE=$PWD/bench/Gemfile
[ -z "$quick" ] || export BUNDLE_WITHOUT=full
bundle check >/dev/null 2>&1 || bundle install --quiet --jobs "$(nproc)"
exec bundle exec ruby bench/load/run.rb "$@"
