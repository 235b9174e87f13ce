# ct_embed(TARGET NAME FILE): the file's bytes as `const char NAME[]`, ended by NUL, and `const size_t NAME_len`.
function(ct_embed target name file)
    set(out "${CMAKE_CURRENT_BINARY_DIR}/embed_${name}.c")
    add_custom_command(
        OUTPUT "${out}"
        COMMAND "${CMAKE_COMMAND}" -DNAME=${name} "-DFROM=${file}" "-DTO=${out}" -P "${CMAKE_SOURCE_DIR}/cmake/embed_file.cmake"
        DEPENDS "${file}" "${CMAKE_SOURCE_DIR}/cmake/embed_file.cmake")
    target_sources(${target} PRIVATE "${out}")
endfunction()
