# Shared by the tidy tests: run from the repository's root, list sources, count complaints.
cd "$(dirname "$0")/../.."

# All C sources and headers of the project.
sources()
{
	find libdfsproto chunkserver master fuse admin tests -name '*.[ch]' 2>/dev/null | sort
}

complaints=0
complain()
{
	echo "$1" >&2
	complaints=$((complaints + 1))
}

# Every line on standard input is a complaint.
complain_each()
{
	while IFS= read -r complaint; do
		complain "$complaint"
	done <<EOF
$1
EOF
}

finish()
{
	if [ "$complaints" -gt 0 ]; then
		echo "$complaints complaints; the rules are in CONTRIBUTING.md" >&2
		exit 1
	fi
	exit 0
}
