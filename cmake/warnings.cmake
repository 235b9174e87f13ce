# What every C file of ours is compiled with; coturn's own files never are.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(ct_warnings INTERFACE)
target_compile_definitions(ct_warnings INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_compile_options(
    ct_warnings
    INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
              -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef
              -Wvla -Werror -fstack-protector-strong -fno-common
              # clang looks into OpenSSL's macros, which cast const away; gcc checks our own casts
              $<$<C_COMPILER_ID:Clang>:-Wno-cast-qual>)
if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_definitions(ct_warnings INTERFACE _FORTIFY_SOURCE=2)
endif()
target_link_options(ct_warnings INTERFACE -Wl,-z,relro,-z,now)
if(CHAINTURN_SANITIZE)
    # usable by what links us too: the objects of all our libraries carry the same instrumentation
    add_compile_options(-fsanitize=${CHAINTURN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${CHAINTURN_SANITIZE})
endif()
