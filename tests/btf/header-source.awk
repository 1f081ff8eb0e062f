# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# Makes a C file of vmlinux.h whose BTF has all that the header declares: a compiler leaves out what
# nothing uses. Records under preserve_access_index, which BTF does not show, get the tag "core".
# It goes by the header's layout: names of types at the beginning of lines.
/^enum \{/ {
	sub(/^enum/, "enum constants" ++enums)
}
/^(struct|union|enum) [A-Za-z0-9_]+ \{/ { types[++count] = $1 " " $2 }
/^\} [A-Za-z0-9_]+;/ { types[++count] = substr($2, 1, length($2) - 1) }
{
	gsub(/preserve_access_index/, "btf_decl_tag(\"core\")")
	print
}
END {
	for (i = 1; i <= count; i++)
		print types[i] " *declared" i ";"
}
