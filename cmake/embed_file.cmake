# cmake -DNAME=.. -DFROM=.. -DTO=.. -P embed_file.cmake: writes what ct_embed() says.
file(READ "${FROM}" digits HEX)
string(LENGTH "${digits}" len)
math(EXPR len "${len} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f])" "\\1\n" lines "${digits}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${lines}")
file(WRITE "${TO}" "/* ${FROM} */
#include <stddef.h>

extern const char ${NAME}[];
extern const size_t ${NAME}_len;
const size_t ${NAME}_len = ${len};
const char ${NAME}[] = {${bytes}'\\0'};
")
