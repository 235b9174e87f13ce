# coturn: its pristine tree is copied, patched by our series, and compiled as it is: never with our warnings.
include_guard(GLOBAL)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(COTURN_SSL REQUIRED IMPORTED_TARGET libssl libcrypto)
pkg_check_modules(COTURN_EVENT REQUIRED IMPORTED_TARGET libevent libevent_openssl libevent_pthreads)
pkg_check_modules(COTURN_SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(COTURN_HIREDIS IMPORTED_TARGET hiredis)

# Sets OUT to where coturn's pristine source is.
function(chainturn_coturn_pristine out module_dir)
    if(CHAINTURN_COTURN_SOURCE)
        set(pristine "${CHAINTURN_COTURN_SOURCE}")
        if(NOT EXISTS "${pristine}/src/server/ns_turn_server.c")
            message(FATAL_ERROR "CHAINTURN_COTURN_SOURCE=${pristine} is not an unpacked tree of coturn 4.6.1.")
        endif()
    else()
        execute_process(
            COMMAND "${module_dir}/fetch.sh" "${CMAKE_BINARY_DIR}/coturn/upstream"
            OUTPUT_VARIABLE pristine OUTPUT_STRIP_TRAILING_WHITESPACE
            RESULT_VARIABLE failed)
        if(failed)
            message(FATAL_ERROR "coturn's source could not be had: the lines above say why.")
        endif()
    endif()
    set(${out} "${pristine}" PARENT_SCOPE)
endfunction()

# chainturn_coturn_tree(OUT MODULE_DIR NAME SERIES..): sets OUT to a copy of coturn's tree, called NAME, in the build
# directory, patched by each SERIES (a folder with a file "series") in turn. The copy is made again only when the
# source or a series has changed, and then only files that differ are written.
function(chainturn_coturn_tree out module_dir tree_name)
    chainturn_coturn_pristine(pristine "${module_dir}")
    set(inputs "${module_dir}/UPSTREAM")
    set(patches "")
    foreach(folder IN LISTS ARGN)
        file(STRINGS "${module_dir}/${folder}/series" series)
        list(TRANSFORM series PREPEND "${module_dir}/${folder}/")
        list(APPEND inputs "${module_dir}/${folder}/series")
        list(APPEND patches ${series})
    endforeach()
    list(APPEND inputs ${patches})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${inputs})

    set(key "${pristine}")
    foreach(input IN LISTS inputs)
        file(SHA256 "${input}" hash)
        string(APPEND key " ${hash}")
    endforeach()
    set(tree "${CMAKE_BINARY_DIR}/coturn/${tree_name}")
    set(stamp "${tree}.stamp")
    set(made "")
    if(EXISTS "${stamp}")
        file(READ "${stamp}" made)
    endif()
    if(NOT made STREQUAL key)
        set(fresh "${CMAKE_BINARY_DIR}/coturn/fresh")
        file(REMOVE_RECURSE "${fresh}")
        file(COPY "${pristine}/src" DESTINATION "${fresh}")
        foreach(patch IN LISTS patches)
            execute_process(
                COMMAND patch -p1 --batch --forward --fuzz=0 -i "${patch}"
                WORKING_DIRECTORY "${fresh}"
                OUTPUT_VARIABLE said ERROR_VARIABLE said RESULT_VARIABLE failed)
            if(failed)
                message(FATAL_ERROR "${patch} does not apply to ${pristine}:\n${said}"
                                    "The series in coturn-module/patches are written for coturn 4.6.1.")
            endif()
        endforeach()
        file(GLOB_RECURSE files RELATIVE "${fresh}" "${fresh}/src/*.[ch]")
        foreach(name IN LISTS files)
            get_filename_component(folder "${tree}/${name}" DIRECTORY)
            file(MAKE_DIRECTORY "${folder}")
            file(COPY_FILE "${fresh}/${name}" "${tree}/${name}" ONLY_IF_DIFFERENT)
        endforeach()
        file(REMOVE_RECURSE "${fresh}")
        file(WRITE "${stamp}" "${key}")
    endif()
    set(${out} "${tree}/src" PARENT_SCOPE)
endfunction()

# How coturn's own configure would compile it here, with SQLite and, where hiredis is, Redis.
function(chainturn_coturn_target name src)
    target_include_directories(${name} SYSTEM PRIVATE "${src}" "${src}/client" "${src}/server" "${src}/apps/common" "${src}/apps/relay")
    target_compile_definitions(
        ${name}
        PRIVATE LIBEV_OK TURN_HAS_DAEMON TURN_NO_PROMETHEUS TURN_NO_PQ TURN_NO_MYSQL TURN_NO_MONGO TURN_NO_SYSTEMD
                INSTALL_PREFIX=/usr TURNDB=/var/lib/turn/turndb)
    target_link_libraries(${name} PRIVATE PkgConfig::COTURN_EVENT PkgConfig::COTURN_SSL Threads::Threads)
    if(COTURN_HIREDIS_FOUND)
        target_link_libraries(${name} PRIVATE PkgConfig::COTURN_HIREDIS)
    else()
        target_compile_definitions(${name} PRIVATE TURN_NO_HIREDIS)
    endif()
    set_target_properties(${name} PROPERTIES C_EXTENSIONS ON RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/coturn/bin")
endfunction()

# What the programs of one tree share.
function(chainturn_coturn_shared name src)
    add_library(${name} OBJECT
        "${src}/client/ns_turn_ioaddr.c" "${src}/client/ns_turn_msg.c" "${src}/client/ns_turn_msg_addr.c"
        "${src}/apps/common/apputils.c" "${src}/apps/common/ns_turn_utils.c" "${src}/apps/common/stun_buffer.c")
    chainturn_coturn_target(${name} "${src}")
    target_compile_options(${name} PRIVATE -w)
endfunction()

# The server of the tree SRC with the libraries MODULES linked in.
function(chainturn_coturn_server name src shared modules)
    set(relay mainrelay netengine libtelnet turn_admin_server userdb tls_listener dtls_listener prom_server
        ns_ioalib_engine_impl turn_ports http_server acme dbdrivers/dbdriver dbdrivers/dbd_sqlite
        dbdrivers/dbd_pgsql dbdrivers/dbd_mysql dbdrivers/dbd_mongo dbdrivers/dbd_redis)
    set(server ns_turn_allocation ns_turn_maps_rtcp ns_turn_maps ns_turn_server)
    list(TRANSFORM relay REPLACE "(.+)" "${src}/apps/relay/\\1.c")
    list(TRANSFORM server REPLACE "(.+)" "${src}/server/\\1.c")
    add_executable(${name} ${relay} ${server} "${src}/apps/common/hiredis_libevent2.c")
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/coturn-module/include" "${CMAKE_SOURCE_DIR}/coturn-module/src")
    chainturn_coturn_target(${name} "${src}")
    target_compile_options(${name} PRIVATE -w)
    target_link_libraries(${name} PRIVATE ${shared} ${modules} PkgConfig::COTURN_SQLITE)
endfunction()

# chainturn_coturn_utility(NAME SRC SHARED FILE..): one of the small programs beside the server.
function(chainturn_coturn_utility name src shared)
    list(TRANSFORM ARGN PREPEND "${src}/apps/" OUTPUT_VARIABLE files)
    add_executable(${name} ${files})
    chainturn_coturn_target(${name} "${src}")
    target_compile_options(${name} PRIVATE -w)
    target_link_libraries(${name} PRIVATE ${shared})
endfunction()

# turnserver with the libraries MODULES linked in, and the test programs of the same tree.
function(chainturn_coturn_programs src modules)
    chainturn_coturn_shared(coturn_shared "${src}")
    chainturn_coturn_server(turnserver "${src}" coturn_shared "${modules}")
    chainturn_coturn_utility(turnutils_uclient "${src}" coturn_shared uclient/mainuclient.c uclient/startuclient.c uclient/uclient.c)
    chainturn_coturn_utility(turnutils_peer "${src}" coturn_shared peer/mainudpserver.c peer/udpserver.c)
    chainturn_coturn_utility(turnutils_stunclient "${src}" coturn_shared stunclient/stunclient.c)
    chainturn_coturn_utility(turnutils_natdiscovery "${src}" coturn_shared natdiscovery/natdiscovery.c)
    chainturn_coturn_utility(turnutils_rfc5769check "${src}" coturn_shared rfc5769/rfc5769check.c)
    chainturn_coturn_utility(turnutils_oauth "${src}" coturn_shared oauth/oauth.c)
endfunction()
